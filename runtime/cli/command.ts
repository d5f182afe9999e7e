import type { Config } from '../config/config.ts'
import type { Terminal } from './output.ts'

export interface OptionSpec {
  type: 'string' | 'boolean'
  /** What stands for the value in the help: FILE. */
  value?: string
  help: string
}
export type OptionTable = Readonly<Record<string, OptionSpec>>

export type OptionValues<O extends OptionTable> = {
  [Name in keyof O]?: O[Name]['type'] extends 'boolean' ? boolean : string
}

export interface CommandCall<O extends OptionTable = OptionTable> {
  values: OptionValues<O>
  /** What stands behind the name, as many as the command takes. */
  positionals: string[]
  /** The environment, read where it is needed. @throws UsageError naming every bad variable */
  config(): Config
  output: Terminal
  /** All that the program can be told to do. */
  commands: readonly Command[]
}

/** Something that the program can be told to do. */
export interface Command<O extends OptionTable = OptionTable> {
  /** `run`, `bundle info` */
  name: string
  summary: string
  /** How it is called, without the program's name. */
  usage: readonly string[]
  /** Such a call as it may be typed. */
  example: string
  /** Least and most positional arguments; none where unset. */
  positionals?: readonly [min: number, max: number]
  options: O
  /**
   * Imports what is large and only it needs: reading all of the program takes longer than most commands.
   * @returns the exit status
   */
  run(call: CommandCall<O>): Promise<number>
}

/** A command whose values have the types of its own options. */
export const defineCommand = <const O extends OptionTable>(command: Command<O>): Command => command

/** The program was called wrongly, or in an environment that is not valid. */
export class UsageError extends Error {
  readonly code: 'USAGE' | 'INVALID_ENVIRONMENT'
  constructor(message: string, code: UsageError['code'] = 'USAGE') {
    super(message)
    this.code = code
  }
}

export const JSON_OPTION = { type: 'boolean', help: 'print the answer as JSON on stdout' } as const
