/**
 * What went wrong with a model, in terms of who can mend it: `memory` (a smaller batch, another GPU),
 * `device` (driver or provider), `bundle` (files missing, damaged or not fitting the contract).
 */
export class ModelError extends Error {
  readonly kind: 'memory' | 'device' | 'bundle'
  constructor(kind: ModelError['kind'], message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'ModelError'
    this.kind = kind
  }
}
