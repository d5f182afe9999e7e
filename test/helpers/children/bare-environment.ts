/** What a program needs of this process's environment to start, and to start fast; nothing that it reads itself. */
export const bareEnvironment = (): { PATH: string; NODE_COMPILE_CACHE: string } => ({
  PATH: process.env['PATH'] ?? '',
  NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] ?? '',
})
