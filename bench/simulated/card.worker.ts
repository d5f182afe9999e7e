import { parentPort } from 'node:worker_threads'
import { serveGraphs } from '../../models/inference/inference-thread.ts'
import { loadSimulated } from './card.ts'

if (parentPort) serveGraphs(parentPort, loadSimulated)
