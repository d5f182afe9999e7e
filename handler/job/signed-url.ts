/** Parameters that are a signature, its date, its signer, or what is answered beside the object. */
const SIGNATURE_PARAMS = new RegExp(
  `^(${[
    ...['x-amz-.+', 'awsaccesskeyid', 'signature', 'expires'], // S3 and whoever speaks it
    'response-(cache|content|expires).*',
    ...['x-goog-.+', 'googleaccessid'],
    ...['key-pair-id', 'policy'], // CloudFront
    ...['x-bz-.+', 'authorization'], // B2
    ...['x-oss-(?!process$).+', 'ossaccesskeyid', 'security-token'], // Alibaba; a process makes another file
    ...['x-tos-(?!process$).+', 'x-obs-(?!process$).+', 'accesskeyid', 'kssaccesskeyid'],
    ...['q-(sign|ak|key|header|url)[a-z-]*', 'x-cos-security-token'], // Tencent
    ...['temp_url_(sig|expires)', 'sig'], // Swift; Azure, and see below
    ...['x-signature', 'x-expires', 'auth_key', 'sign', '(ws|tx)(secret|time)', 'tempauth'],
    ...['(access_|__)?token(__)?', '__cld_token__', 'jwt', 'hmac', 'hdn(ts|tl|ea)', 'verify'],
  ].join('|')})$`,
  'i',
)

/** Short names that are of a signature only where others of it stand beside them. */
const SIGNATURE_GROUPS: { beside: string[]; names: RegExp }[] = [
  {
    beside: ['sig'], // Azure
    names: /^(s[evprits]|sr[t]?|spr|sip|sdd|sk[vstoe][a-z]*|saoid|suoid|scid|rsc[cdelt])$/i,
  },
  { beside: ['ex', 'is', 'hm'], names: /^(ex|is|hm)$/ }, // Discord
  { beside: ['oh', 'oe'], names: /^(oh|oe)$/ }, // Facebook
  ...['sig', 'token', 'hmac', 'sign', 'signature'].map((name) => ({
    ...{ beside: [name], names: /^(e|exp|expiry|expiration|expires_at|token_path)$/i },
  })),
]

/**
 * The address of an object without what is new each time that somebody signs it, so that the same
 * object is the same address. What chooses among objects (`versionId`, an image process) stays.
 */
export function stripSignature(address: string): string {
  const url = new URL(address)
  const given = new Set(url.searchParams.keys())
  const groups = SIGNATURE_GROUPS.filter(({ beside }) => beside.every((name) => given.has(name)))
  for (const name of given) {
    const isPart = SIGNATURE_PARAMS.test(name) || groups.some(({ names }) => names.test(name))
    if (isPart) url.searchParams.delete(name)
  }
  url.searchParams.sort()
  url.hash = ''
  return url.href
}
