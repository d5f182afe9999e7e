/** An error of one of a few kinds, by which whoever catches it knows what can be done. */
export abstract class ErrorOfKind<Kind extends string> extends Error {
  readonly kind: Kind
  constructor(kind: Kind, message: string, options?: ErrorOptions) {
    super(message, options)
    this.kind = kind
  }
}
