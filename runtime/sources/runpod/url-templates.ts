/** The URL templates that the platform sets; opaque but for their placeholders. */
export interface UrlTemplates {
  take: string
  done: string
  ping: string | undefined
}

export interface UrlVariables {
  workerId: string
  /** Name of the GPU model. */
  gpuType: string
}

/** Where this worker asks and reports (runpod-python rp_job.py, rp_http.py, rp_ping.py). */
export interface Urls {
  /** @param count jobs that are asked for; more than one by the batch route, where `canBatch` */
  take(count: number, busy: boolean): string
  readonly canBatch: boolean
  /** Undefined where the template does not tell. */
  readonly stop: string | undefined
  done(jobId: string): string
  /** @param params in their order; undefined ones are left out */
  ping?: (params: Record<string, string | undefined>) => string
}

const TAKE = '/job-take/'

export function urlsOf(
  { take, done, ping }: UrlTemplates,
  { workerId, gpuType }: UrlVariables,
): Urls {
  // `$ID` is the worker where jobs are taken, and the job where they are reported.
  const known = { RUNPOD_POD_ID: workerId, RUNPOD_GPU_TYPE_ID: gpuType }
  const takeUrl = expand(take, { ...known, ID: workerId })
  const pingUrl = ping === undefined ? undefined : expand(ping, { ...known, ID: workerId })
  const batchUrl = replaceSegment(takeUrl, '/job-take-batch/')
  return {
    take: (count, busy) =>
      batchUrl !== undefined && count > 1
        ? withParams(batchUrl, { batch_size: String(count), job_in_progress: busy ? '1' : '0' })
        : withParams(takeUrl, { job_in_progress: busy ? '1' : '0' }),
    canBatch: batchUrl !== undefined,
    stop: replaceSegment(takeUrl, '/job-stop/'),
    done: (jobId) => withParams(expand(done, { ...known, ID: jobId }), { isStream: 'false' }),
    ...(pingUrl !== undefined && { ping: (params) => withParams(pingUrl, params) }),
  }
}

/** In one pass, so that nothing in a value is taken for a placeholder. */
const expand = (template: string, values: Record<string, string>): string =>
  template
    .trim()
    .replace(/\$(RUNPOD_POD_ID|RUNPOD_GPU_TYPE_ID|ID)/g, (_, name: string) =>
      encodeURIComponent(values[name]!),
    )
    .replace(/ /g, '%20')

/** What is there stays as it is written: a `+` is not to become anything else. */
function withParams(url: string, params: Record<string, string | undefined>): string {
  const set = Object.entries(params).filter((pair): pair is [string, string] => !!pair[1])
  const added = new URLSearchParams(set).toString()
  const glue = url.includes('?') ? (/[?&]$/.test(url) ? '' : '&') : '?'
  return `${url}${glue}${added}`
}

/** Another route of the same worker. @returns undefined where the path has no such segment */
function replaceSegment(url: string, segment: string): string | undefined {
  const [path = '', ...query] = url.split('?')
  if (!path.includes(TAKE)) return undefined
  return [path.replace(TAKE, () => segment), ...query].join('?')
}
