import { strictS3 } from '../../test/helpers/storage/strict-s3.ts'

// A store on this machine, in a process of its own, so that its work is not counted as ours.
if (process.send) {
  const { origin } = await strictS3()
  process.send(origin)
  process.on('disconnect', () => process.exit())
}
