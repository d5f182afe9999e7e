// What `require('musetalk-worker')` loads, and what library.mjs does. The library is compiled for Node 26, and
// an older one would stumble over its syntax, or over require() of a module, without a word about the reason.
'use strict'

if (Number(process.versions.node.split('.')[0]) < 26) {
  throw new Error(
    `musetalk-worker as a library needs Node 26 or newer; this is ${process.versions.node}. Its command (npx musetalk-worker) brings its own, and musetalk-worker/client talks to a worker from any`,
  )
}
module.exports = require('../dist/runtime/library.js')
