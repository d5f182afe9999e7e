// The documents as a site: the same Markdown that is read in the repository, so its links are those of the repository.
import { readFileSync } from 'node:fs'

/** Where package.json says that the repository is. */
const { repository } = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
)
const home = repository.url.replace(/^git\+|\.git$/g, '')

/** What is no page leads to the repository. */
const REPOSITORY = `${home}/blob/main/`

/** In reading order; a test compares it with the files. */
const sidebar = [
  group('Start', {
    'Quick start': 'docs/quick-start',
    'Your own files': 'docs/media',
    'The real MuseTalk': 'docs/musetalk',
    Questions: 'docs/faq',
  }),
  group('Deploy', {
    'The image': 'docs/deploy/image',
    'One machine': 'docs/deploy/desk',
    RunPod: 'docs/runpod',
    'RunPod’s queue': 'docs/runpod-queue',
    Salad: 'docs/deploy/salad',
    Vast: 'docs/deploy/vast',
    'Cloud Run': 'docs/deploy/cloud-run',
    Kubernetes: 'docs/deploy/kubernetes',
    'More than one machine': 'docs/fleet',
    'Orchestrators, buffers, BullMQ': 'docs/pull',
    'From the Python worker': 'docs/legacy-worker',
  }),
  group('Use', {
    'The job': 'docs/job',
    'HTTP API': 'docs/api',
    Clients: 'docs/client',
    'Results and storage': 'docs/storage',
    Webhooks: 'docs/webhooks',
    Library: 'docs/library',
    Errors: 'docs/errors',
  }),
  group('Operate', {
    Configuration: 'docs/configuration',
    Doctor: 'docs/doctor',
    'Metrics, logs, traces': 'docs/metrics',
    Performance: 'docs/performance',
    Security: 'docs/security',
  }),
  group('Inside', {
    Fidelity: 'docs/fidelity',
    Rules: 'docs/rules',
    lite: 'docs/lite',
    Architecture: 'docs/architecture',
    Contributing: 'CONTRIBUTING',
    Changes: 'CHANGELOG',
  }),
]

/** @param {string} text @param {Record<string, string>} pages */
function group(text, pages) {
  return {
    text,
    items: Object.entries(pages).map(([name, link]) => ({ text: name, link: `/${link}` })),
  }
}

export default {
  title: 'musetalk-worker',
  description: 'A GPU worker that makes faces in videos speak a recording',
  srcDir: '..',
  srcExclude: ['{node_modules,models,test,bench,dist,outputs,.github}/**', 'docs/node_modules/**'],
  rewrites: { 'README.md': 'index.md' },
  lastUpdated: false,
  markdown: { html: false, config: useRepositoryLinks },
  themeConfig: {
    nav: [
      { text: 'Quick start', link: '/docs/quick-start' },
      { text: 'The job', link: '/docs/job' },
      { text: 'API', link: '/docs/api' },
    ],
    sidebar,
    outline: [2, 3],
    search: { provider: 'local' },
    socialLinks: [{ icon: 'github', link: home }],
  },
}

/** Links to the README lead home; those to sources, to the repository. @param {any} markdown */
function useRepositoryLinks(markdown) {
  markdown.core.ruler.push('repository-links', (/** @type {any} */ state) => {
    for (const token of state.tokens.flatMap((/** @type {any} */ one) => one.children ?? [])) {
      if (token.type !== 'link_open') continue
      const href = token.attrGet('href')
      if (/^[a-z]+:|^#/.test(href)) continue
      const target = new URL(href, `file:///${state.env.relativePath}`)
      const path = target.pathname.slice(1)
      const isPage = path.endsWith('.md') && !/^(models|test|bench)\//.test(path)
      if (!isPage) token.attrSet('href', REPOSITORY + path + target.hash)
      else if (path === 'README.md') token.attrSet('href', `/index.md${target.hash}`)
    }
  })
}
