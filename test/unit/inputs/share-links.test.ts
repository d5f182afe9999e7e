import { expect, test } from 'vitest'
import { directLink } from '../../../handler/inputs/share-links.ts'

const drive = 'https://drive.usercontent.google.com/download'

/** A share link as a provider's button copies it, and where its file is. */
const LINKS: [string, string][] = [
  [
    'https://drive.google.com/file/d/1a-B_c/view?usp=sharing',
    `${drive}?id=1a-B_c&export=download&confirm=t`,
  ],
  ['https://drive.google.com/file/d/1a-B_c/edit', `${drive}?id=1a-B_c&export=download&confirm=t`],
  [
    'https://drive.google.com/file/u/0/d/1a-B_c/preview',
    `${drive}?id=1a-B_c&export=download&confirm=t`,
  ],
  [
    'https://drive.google.com/a/firm.test/file/d/1a/view',
    `${drive}?id=1a&export=download&confirm=t`,
  ],
  [
    'https://drive.google.com/open?id=1a-B_c&usp=drive_fs',
    `${drive}?id=1a-B_c&export=download&confirm=t`,
  ],
  ['https://drive.google.com/uc?export=download&id=1a', `${drive}?id=1a&export=download&confirm=t`],
  ['https://docs.google.com/uc?id=1a', `${drive}?id=1a&export=download&confirm=t`],
  [
    'https://drive.google.com/file/d/1a/view?resourcekey=0-xY_z&usp=sharing',
    `${drive}?id=1a&export=download&confirm=t&resourcekey=0-xY_z`,
  ],
  ['https://www.dropbox.com/s/ab12/face.mp4?dl=0', 'https://www.dropbox.com/s/ab12/face.mp4?dl=1'],
  ['https://www.dropbox.com/s/ab12/face.mp4', 'https://www.dropbox.com/s/ab12/face.mp4?dl=1'],
  [
    'https://www.dropbox.com/scl/fi/ab12/face.mp4?rlkey=k1&st=s2&dl=0',
    'https://www.dropbox.com/scl/fi/ab12/face.mp4?rlkey=k1&st=s2&dl=1',
  ],
  ['https://dropbox.com/s/ab12/face.mp4?raw=1', 'https://dropbox.com/s/ab12/face.mp4?dl=1'],
  [
    'https://1drv.ms/v/s!AbC?e=xy',
    `https://api.onedrive.com/v1.0/shares/u!${Buffer.from('https://1drv.ms/v/s!AbC?e=xy').toString('base64url')}/root/content`,
  ],
  [
    'https://onedrive.live.com/redir?resid=A1!2&authkey=!K&ithint=video',
    'https://onedrive.live.com/download?resid=A1%212&authkey=%21K',
  ],
  [
    'https://onedrive.live.com/embed?resid=A1!2&authkey=!K',
    'https://onedrive.live.com/download?resid=A1%212&authkey=%21K',
  ],
  ['https://onedrive.live.com/?id=A1!2&cid=A1', 'https://onedrive.live.com/download?resid=A1%212'],
  [
    'https://firm-my.sharepoint.com/:v:/g/personal/me/AbC?e=xy',
    'https://firm-my.sharepoint.com/:v:/g/personal/me/AbC?e=xy&download=1',
  ],
]

test.each(LINKS)('%s', (link, direct) => {
  expect(directLink(link)).toBe(direct)
  expect(directLink(direct), 'a direct link stays').toBe(direct)
})

test.each([
  'https://media.test/file/d/1a/view?usp=sharing',
  'https://drive.google.com/drive/folders/1a?usp=sharing',
  'https://drive.google.com/file/d/',
  'https://drive.google.com.evil.test/file/d/1a/view',
  'https://www.dropbox.com/home/face.mp4',
  'https://www.dropbox.com/scl/fo/folder/h?rlkey=k&dl=0'.replace('/scl/fo/folder/h', '/sh/folder'),
  'https://dl.dropboxusercontent.com/s/ab12/face.mp4',
  'https://1drv.ms/',
  'https://onedrive.live.com/about/signin?id=A1',
  'https://firm.sharepoint.com/:f:/g/personal/me/AbC?e=xy',
  'https://firm.sharepoint.com/sites/team',
])('%s is left as it is', (link) => {
  expect(directLink(link)).toBe(link)
})
