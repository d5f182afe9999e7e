import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Queue } from 'bullmq'
import { Cluster, Redis } from 'ioredis'
import { describe, expect, onTestFinished, test } from 'vitest'
import { bareEnvironment } from '../../helpers/children/bare-environment.ts'
import { folder, type Folder } from '../../helpers/media/media.ts'
import { hasRedis, redisServer } from '../../helpers/redis/server.ts'
import { pushServer } from '../../helpers/servers/worker-server.ts'

/** Adds a job that no worker can do, and resolves to what the queue says of it in the end. */
async function failedReason(connection: Redis | Cluster, prefix = 'bull'): Promise<string> {
  const queue = new Queue('musetalk', { connection, prefix })
  try {
    const { id } = await queue.add('render', { video_url: 'x' })
    const reason = async () => (await queue.getJob(id!))?.failedReason ?? ''
    await expect.poll(reason).not.toBe('')
    return await reason()
  } finally {
    await queue.close()
    connection.disconnect()
  }
}

/** A key, and a certificate of `localhost` that it has signed itself. */
function certificate(dir: Folder) {
  const made = { key: dir.file('key.pem'), certificate: dir.file('certificate.pem') }
  const { status, stderr } = spawnSync('openssl', [
    ...'req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost'.split(' '),
    ...['-addext', 'subjectAltName=DNS:localhost', '-keyout', made.key, '-out', made.certificate],
  ])
  expect(status, String(stderr)).toBe(0)
  return made
}

const hasOpenssl = spawnSync('openssl', ['version']).status === 0

describe.skipIf(!hasRedis)('jobs are taken (needs redis-server)', () => {
  const needsOpenssl = { skip: !hasOpenssl }
  test('over TLS, from a server that knows its users', needsOpenssl, async () => {
    await using dir = await folder()
    const tls = certificate(dir)
    await using redis = await redisServer({ tls })
    const ca = await readFile(tls.certificate)
    const admin = new Redis(redis.url, { tls: { ca } })
    const rules = ['on', '>p@ss', '~bull:*', '&bull:*', '+@all']
    await admin.call('ACL', 'SETUSER', 'worker', 'reset', ...rules)
    await admin.call('ACL', 'SETUSER', 'default', 'off')
    admin.disconnect()
    const url = redis.url.replace('//', '//worker:p%40ss@')
    const env = {
      ...{ ...bareEnvironment(), HOME: dir.path, HOST: '127.0.0.1', PORT: '0' },
      ...{ SCRATCH_DIR: dir.file('s'), STATE_DIR: dir.file('t'), OUTPUT_DIR: dir.file('o') },
      ...{ REDIS_URL: url, NODE_EXTRA_CA_CERTS: tls.certificate },
    }
    const child = join(import.meta.dirname, '../../helpers/children/pull-worker.child.ts')
    const worker = spawn(process.execPath, [child], { env, stdio: 'ignore' })
    const ended = once(worker, 'exit')
    onTestFinished(() => void worker.kill('SIGKILL'))
    const connection = new Redis(url, { tls: { ca }, maxRetriesPerRequest: null })
    expect(await failedReason(connection)).toContain('INVALID_JOB')
    worker.kill('SIGTERM')
    await ended
  })

  test('from the primary that sentinels name', async () => {
    await using dir = await folder()
    await using redis = await redisServer()
    const config = dir.file('sentinel.conf')
    await writeFile(config, `sentinel monitor main 127.0.0.1 ${redis.port} 1\n`)
    await using sentinel = await redisServer({ sentinel: config })
    const env = { REDIS_URL: sentinel.url, REDIS_SENTINEL_NAME: 'main', WORKER_ID: 'w1' }
    await using _w = await pushServer(env)
    const connection = new Redis(redis.url, { maxRetriesPerRequest: null })
    expect(await failedReason(connection)).toContain('INVALID_JOB')
  })

  test('from a cluster', async () => {
    await using redis = await redisServer({
      more: '--cluster-enabled yes --cluster-announce-ip 127.0.0.1'.split(' '),
    })
    const node = new Redis(redis.url)
    await node.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383')
    const info = () => node.call('CLUSTER', 'INFO')
    await expect.poll(info).toContain('cluster_state:ok')
    node.disconnect()
    const prefix = '{bull}'
    const env = { REDIS_URL: `${redis.url},${redis.url}`, BULLMQ_PREFIX: prefix, WORKER_ID: 'w1' }
    await using _w = await pushServer(env)
    const connection = new Cluster([redis.url], { redisOptions: { maxRetriesPerRequest: null } })
    expect(await failedReason(connection, prefix)).toContain('INVALID_JOB')
  })
})
