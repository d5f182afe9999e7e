import type { JobResult } from '../../handler/events/job-events.ts'

/** How a job went, as a trace has it. */
export interface JobTrace {
  /** On every line about the job. */
  traceId: string
  /** W3C trace context of the job itself, which its webhooks carry. */
  traceparent: string
  /** A stage has ended now, after so many seconds. */
  stage(name: string, seconds: number): void
  succeeded(result: JobResult): void
  failed(error: Error & { code?: string }): void
}

export interface Tracer extends AsyncDisposable {
  /**
   * @param traceparent of the request that brought the job; what is not one counts as none
   * @returns undefined where nobody follows the job
   */
  startJob(id: string, traceparent: string | undefined): JobTrace | undefined
}

export interface TracerOptions {
  /** Base URL of an OTLP collector; spans go to `/v1/traces` below it. None are made where unset. */
  endpoint: string | undefined
  serviceName: string
  version: string
  instance: string
}

export interface RemoteSpan {
  traceId: string
  spanId: string
  /** Bit 0: sampled. */
  traceFlags: number
}

/** @see https://www.w3.org/TR/trace-context/#traceparent-header */
export function parseTraceparent(header: string | undefined): RemoteSpan | undefined {
  const [, version, traceId, spanId, flags] =
    /^([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(?:$|-)/.exec(header?.trim() ?? '') ?? []
  if (version === undefined || version === 'ff') return undefined
  if (/^0+$/.test(traceId!) || /^0+$/.test(spanId!)) return undefined
  return { traceId: traceId!, spanId: spanId!, traceFlags: Number.parseInt(flags!, 16) }
}

export const formatTraceparent = ({ traceId, spanId, traceFlags }: RemoteSpan): string =>
  `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`
