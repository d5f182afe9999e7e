import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { homeDirectory } from '../../../runtime/config/config.ts'

test('a home is the system’s, and without one a folder that this user alone has', () => {
  expect(homeDirectory()).toBe(homedir())
  const none = () => {
    throw new Error('uv_os_homedir returned ENOENT') // an id without an entry in passwd, and no HOME
  }
  const own = join(tmpdir(), `user-${process.getuid!()}`)
  expect(homeDirectory(none)).toBe(own)
  expect(homeDirectory(() => '')).toBe(own) // HOME=''
})
