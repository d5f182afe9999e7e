// licenses.mjs SBOM: one line for each package of a CycloneDX list: name, version, license.
import { readFileSync } from 'node:fs'

const { components } = JSON.parse(readFileSync(process.argv[2], 'utf8'))
const named = ({ license, expression }) => license?.id ?? license?.name ?? expression
for (const { group, name, version, licenses = [] } of components) {
  const full = group ? `${group}/${name}` : name
  process.stdout.write(
    `${full} ${version} ${licenses.map(named).join(', ') || 'see its package'}\n`,
  )
}
