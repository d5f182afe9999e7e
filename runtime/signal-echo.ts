/** How long the same signal is taken for the same wish. */
const ECHO_MS = 500

/**
 * Tells a signal from its echo. A Ctrl-C in a terminal and a service manager's stop go to a whole group
 * of processes, and npm, our own program for older Nodes and many a supervisor hand on to their child
 * what has reached it already; what was meant once must not be taken for somebody's insisting.
 *
 * @returns whether a signal that comes now is one of the same name that has just come
 */
export function createEchoFilter(now = () => performance.now()): (name: NodeJS.Signals) => boolean {
  const heard = new Map<NodeJS.Signals, number>()
  return (name) => {
    const before = heard.get(name) ?? -Infinity
    if (now() - before < ECHO_MS) return true
    heard.set(name, now())
    return false
  }
}
