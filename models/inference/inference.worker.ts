import { parentPort } from 'node:worker_threads'
import { serveGraphs } from './inference-thread.ts'
import { loadSession } from './session.ts'

// This file is what an inference thread runs; nothing imports it.
if (parentPort) serveGraphs(parentPort, loadSession)
