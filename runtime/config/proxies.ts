import * as v from 'valibot'
import type { ProxySettings } from '../../handler/net/proxy.ts'

/** As curl takes it: http where it says nothing. */
export const proxyUrl = v.pipe(
  v.string(),
  v.transform((value) => (value.includes('://') ? value : `http://${value}`)),
  v.check((value) => /^https?:/.test(value) && URL.canParse(value), 'must be the URL of a proxy'),
)

const PROXY_VARIABLES = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'NO_PROXY'] as const

/** Older than their names in upper case, and to curl the ones that win. */
export const lowerCaseProxies = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(
    PROXY_VARIABLES.flatMap((name) => {
      const value = env[name.toLowerCase()]
      return value === undefined ? [] : [[name, value]]
    }),
  )

/** They may have passwords in them. */
export const isProxyVariable = (name: string): boolean =>
  PROXY_VARIABLES.some((proxy) => proxy === name.toUpperCase())

interface ProxyConfig {
  HTTP_PROXY?: string | undefined
  HTTPS_PROXY?: string | undefined
  ALL_PROXY?: string | undefined
  NO_PROXY: string
}

/** Where it is of a kind that is known here: desktops set it to a SOCKS proxy beside the others. */
const forAll = ({ ALL_PROXY }: Pick<ProxyConfig, 'ALL_PROXY'>): string | undefined => {
  const parsed = v.safeParse(proxyUrl, ALL_PROXY)
  return parsed.success ? parsed.output : undefined
}

/** Whether some address would be reached by a proxy that cannot be used. */
export const hasUnknownProxy = (config: ProxyConfig): boolean =>
  config.ALL_PROXY !== undefined &&
  forAll(config) === undefined &&
  (config.HTTP_PROXY === undefined || config.HTTPS_PROXY === undefined)

/** How this machine reaches others; undefined: directly. */
export function proxyOf(config: ProxyConfig): ProxySettings | undefined {
  const all = forAll(config)
  const { HTTP_PROXY: http = all, HTTPS_PROXY: https = all, NO_PROXY: bypass } = config
  if (http === undefined && https === undefined) return undefined
  return { ...(http !== undefined && { http }), ...(https !== undefined && { https }), bypass }
}
