import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'

/** Where an S3 is and who we are there. */
export interface S3Access {
  /** AWS itself where unset. */
  endpoint?: string
  region: string
  keyId: string
  secret: string
}

/**
 * A URL by which whoever has it can read one object. Nothing is asked of the store: an object that is
 * not there answers when it is read.
 *
 * @param expiresIn seconds
 */
export async function presignGet(
  { endpoint, region, keyId, secret }: S3Access,
  bucket: string,
  key: string,
  expiresIn: number,
): Promise<string> {
  const client = new S3Client({
    region,
    credentials: { accessKeyId: keyId, secretAccessKey: secret },
    ...(endpoint !== undefined && { endpoint, forcePathStyle: true }),
    // Else the URL asks for checksums, which others than AWS refuse.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  })
  return getSignedUrl(client, new GetObjectCommand({ Bucket: bucket, Key: key }), { expiresIn })
}
