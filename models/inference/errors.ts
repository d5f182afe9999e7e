import { ErrorOfKind } from '../system/error-of-kind.ts'

/**
 * What went wrong with a model, in terms of who can mend it: `memory` (a smaller batch, another GPU),
 * `device` (driver or provider), `bundle` (files missing, damaged or not fitting the contract).
 */
export class ModelError extends ErrorOfKind<'memory' | 'device' | 'bundle'> {
  override readonly name = 'ModelError'
}
