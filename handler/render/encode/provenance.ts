import { appendFile } from 'node:fs/promises'
import { extensionOf, type WantedFormat } from './output-formats.ts'

/** What a result says of how it was made, for whoever must tell it from a recording. */
export interface Provenance {
  /** This program, with its version. */
  tool: string
  /** None where nobody gave one: the same inputs then are the same bytes. */
  job?: string
}

interface MadeBy extends Provenance {
  bundle: { name: string; version: string; id: string }
}

/**
 * A recording in which a model has drawn something, as opposed to `trainedAlgorithmicMedia`, of which no
 * part was recorded.
 *
 * @see https://cv.iptc.org/newscodes/digitalsourcetype/
 */
const SOURCE_TYPE =
  'http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia'

/** The box of XMP in files of ISO's base media format. @see XMP specification part 3, 1.2.7 */
const XMP_BOX = Buffer.from('be7acfcb97a942e89c71999491e3afac', 'hex')

/** ffmpeg's arguments: Matroska and webm have tags, and no place for XMP. */
export function provenanceTags(made: MadeBy, wanted: WantedFormat): string[] {
  if (hasBoxes(wanted)) return []
  const { name, version, id } = made.bundle
  const tags = {
    DIGITAL_SOURCE_TYPE: SOURCE_TYPE,
    CREATOR_TOOL: made.tool,
    AI_SYSTEM_USED: name,
    AI_SYSTEM_VERSION_USED: `${version} (${id})`,
    ...(made.job !== undefined && { IDENTIFIER: made.job }),
  }
  return Object.entries(tags).flatMap(([key, value]) => ['-metadata', `${key}=${value}`])
}

/** Put XMP behind the last box of an mp4 or mov: what stands before, and where, stays as it is. */
export async function appendProvenance(
  file: string,
  made: MadeBy,
  wanted: WantedFormat,
): Promise<void> {
  if (!hasBoxes(wanted)) return
  const xmp = Buffer.from(xmpPacket(made))
  const head = Buffer.alloc(8)
  head.writeUInt32BE(head.length + XMP_BOX.length + xmp.length)
  head.write('uuid', 4)
  await appendFile(file, Buffer.concat([head, XMP_BOX, xmp]))
}

const hasBoxes = (wanted: WantedFormat): boolean => /mp4|mov/.test(extensionOf(wanted))

/** @see https://iptc.org/std/photometadata/specification/IPTC-PhotoMetadata, "AI System Used" */
function xmpPacket({ tool, job, bundle: { name, version, id } }: MadeBy): string {
  const properties = {
    'Iptc4xmpExt:DigitalSourceType': SOURCE_TYPE,
    'Iptc4xmpExt:AISystemUsed': name,
    'Iptc4xmpExt:AISystemVersionUsed': `${version} (${id})`,
    'xmp:CreatorTool': tool,
    ...(job !== undefined && { 'dc:identifier': job }),
  }
  const attributes = Object.entries(properties).map(
    ([key, value]) => `    ${key}="${escape(value)}"`,
  )
  return `<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
    xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:dc="http://purl.org/dc/elements/1.1/"
${attributes.join('\n')}/>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="r"?>`
}

const escape = (text: string): string =>
  text.replace(/[&<>"]/g, (sign) => `&#${sign.codePointAt(0)};`)
