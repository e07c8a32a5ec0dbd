import { call } from '../api/client'
import { wordsOf } from '../api/problem'
import type { ModelInfo } from '../api/schema'

/** The models one may talk with. */
export class Models {
  all = $state.raw<ModelInfo[]>([])
  loaded = $state(false)
  failed = $state<string | null>(null)

  async load(): Promise<void> {
    try {
      this.all = (await call('GET /api/models')).models
      this.failed = null
    } catch (error) {
      this.failed = wordsOf(error)
    } finally {
      this.loaded = true
    }
  }

  find(model: string | null | undefined, provider?: string | null): ModelInfo | undefined {
    return this.all.find((one) => one.id === model && (!provider || one.provider === provider))
  }

  get first(): ModelInfo | undefined {
    return this.all[0]
  }

  /** Only the demonstration answers: nothing real is set up yet. */
  get onlyDemo(): boolean {
    return this.loaded && this.all.every((one) => one.provider === 'demo')
  }
}
