import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, type Span } from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import {
  formatTraceparent,
  parseTraceparent,
  type JobTrace,
  type Tracer,
  type TracerOptions,
} from './tracer.ts'

/** Last spans are worth no more of a shutdown. */
const FLUSH_MS = 2_000

/**
 * A span for each job, with one for each stage below it, sent in batches. Headers, time limits and sampling are the
 * SDK's own variables (`OTEL_EXPORTER_OTLP_HEADERS`, …).
 */
export function createOtlpTracer(options: TracerOptions & { endpoint: string }): Tracer {
  const { endpoint, serviceName, version, instance } = options
  const url = `${endpoint.replace(/\/+$/, '')}/v1/traces`
  const provider = new TracerProvider({
    resource: resourceFromAttributes({
      'service.name': serviceName,
      'service.version': version,
      'service.instance.id': instance,
    }),
    spanProcessors: [new BatchSpanProcessor({ exporter: new OTLPTraceExporter({ url }) })],
  })
  const tracer = provider.getTracer('musetalk-worker', version)

  const startJob: Tracer['startJob'] = (id, traceparent) => {
    const caller = parseTraceparent(traceparent)
    const parent = caller
      ? trace.setSpanContext(ROOT_CONTEXT, { ...caller, isRemote: true })
      : ROOT_CONTEXT
    const span = tracer.startSpan(
      'job',
      { kind: SpanKind.CONSUMER, attributes: { 'musetalk.job.id': id } },
      parent,
    )
    return { ...traceOf(span), stage: stageWriter(span) }
  }

  /**
   * Each stage as a span that ends now. Those of which it is known at the end of a render only how long they
   * took stand there, but for the first of them, which begins when the speech was heard.
   */
  function stageWriter(job: Span): JobTrace['stage'] {
    const below = trace.setSpan(ROOT_CONTEXT, job)
    let heard = Date.now()
    return (name, seconds) => {
      const ms = seconds * 1000
      const now = Date.now()
      const isFirst = name === 'avatar'
      const from = isFirst ? heard : now - ms
      const to = isFirst ? Math.min(now, from + ms) : now
      if (name === 'speech') heard = now
      const attributes = { 'musetalk.stage.seconds': seconds }
      tracer.startSpan(name, { startTime: from, attributes }, below).end(to)
    }
  }

  return {
    startJob,
    async [Symbol.asyncDispose]() {
      const late = new Promise<void>((resolve) => setTimeout(resolve, FLUSH_MS).unref())
      await Promise.race([provider.shutdown().catch(() => {}), late])
    },
  }
}

function traceOf(span: Span): Omit<JobTrace, 'stage'> {
  const context = span.spanContext()
  return {
    traceId: context.traceId,
    traceparent: formatTraceparent(context),
    succeeded({ frames, duration_sec, realtime_factor, bundle, deduplicated }) {
      span.setAttributes({
        'musetalk.frames': frames,
        'musetalk.duration_seconds': duration_sec,
        'musetalk.realtime_factor': realtime_factor,
        'musetalk.bundle': bundle.id,
        'musetalk.deduplicated': deduplicated,
      })
      span.end()
    },
    failed({ code, message }) {
      if (code !== undefined) span.setAttribute('error.type', code)
      span.setStatus({ code: SpanStatusCode.ERROR, message })
      span.end()
    },
  }
}
