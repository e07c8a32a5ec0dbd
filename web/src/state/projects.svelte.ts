import { call } from '../api/client'
import { wordsOf } from '../api/problem'
import type { Change, Project } from '../api/types'
import type { Notices } from './notices.svelte'

/** The projects one sees, by name. */
export class Projects {
  all = $state.raw<Project[]>([])

  constructor(private readonly notices: Notices) {}

  async load(): Promise<void> {
    const found: Project[] = []
    let cursor: string | undefined
    do {
      const page = await call('GET /api/projects', { query: { cursor, limit: 200 } })
      found.push(...page.projects)
      cursor = page.nextCursor ?? undefined
    } while (cursor)
    this.all = found
  }

  find(id: string | null | undefined): Project | undefined {
    return this.all.find((one) => one.id === id)
  }

  async create(name: string): Promise<Project | null> {
    try {
      const { project } = await call('POST /api/projects', { body: { name } })
      await this.load()
      return project
    } catch (error) {
      this.notices.failed(wordsOf(error))
      return null
    }
  }

  async take(changes: Change[]): Promise<void> {
    if (changes.some((one) => one.kind.startsWith('project.'))) await this.load()
  }
}
