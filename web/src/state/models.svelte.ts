import { call } from '../api/client'
import { wordsOf } from '../api/problem'
import type { ModelInfo } from '../api/types'

/** The models one may talk with. */
export class Models {
  all = $state.raw<ModelInfo[]>([])
  /** The configured one: its name, or "provider/name". */
  default = $state<string | null>(null)
  loaded = $state(false)
  failed = $state<string | null>(null)

  async load(): Promise<void> {
    try {
      const answer = await call('GET /api/models')
      this.all = answer.models
      this.default = answer.default
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

  /** What a chat begins with where nobody has chosen. */
  get first(): ModelInfo | undefined {
    const named = this.default
    return this.all.find((one) => one.id === named || `${one.provider}/${one.id}` === named) ?? this.all[0]
  }

  /** Only the demonstration answers: nothing real is set up yet. */
  get onlyDemo(): boolean {
    return this.loaded && this.all.every((one) => one.provider === 'demo')
  }
}
