/** Look of both pages; nothing is fetched from elsewhere. */
export const STYLE = `
:root { color-scheme: light dark; --ink: light-dark(#1c2024, #e8eaed); --soft: light-dark(#60666d, #9aa0a8);
  --back: light-dark(#f4f5f7, #14171a); --card: light-dark(#fff, #1d2125); --line: light-dark(#dfe2e6, #33383e);
  --hue: light-dark(#2457d6, #7ba4ff); --bad: light-dark(#b3261e, #ff8a80) }
* { box-sizing: border-box }
body { margin: 0; background: var(--back); color: var(--ink); font: 16px/1.5 system-ui, sans-serif }
main { max-width: 46rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem }
h1 { font-size: 1.6rem; margin: 0 } h2 { font-size: 1rem; margin: 0 0 .5rem }
p { margin: .25rem 0; color: var(--soft) } a { color: var(--hue) }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 1.25rem; margin-top: 1.25rem }
label { display: block; font-size: .875rem; color: var(--soft); margin-top: .75rem }
input, select, textarea { width: 100%; font: inherit; color: inherit; background: var(--back); border: 1px solid var(--line);
  border-radius: 8px; padding: .5rem .65rem; margin-top: .2rem }
textarea { font: 13px/1.45 ui-monospace, monospace; min-height: 5rem }
:is(input, select, textarea, button):focus-visible { outline: 2px solid var(--hue); outline-offset: 1px }
.row { display: grid; grid-template-columns: 1fr 1fr; gap: 0 1rem }
button { font: inherit; border: 0; border-radius: 8px; padding: .55rem 1.1rem; margin-top: 1rem; background: var(--hue);
  color: light-dark(#fff, #10151f); cursor: pointer } button.plain { background: none; color: var(--hue); border: 1px solid var(--line) }
button:disabled { opacity: .5; cursor: default }
progress { width: 100%; height: .6rem; accent-color: var(--hue) }
video { width: 100%; max-height: 70vh; border-radius: 8px; background: #000; margin-top: .75rem }
pre { overflow: auto; font: 13px/1.45 ui-monospace, monospace; background: var(--back); border-radius: 8px; padding: .75rem; max-height: 24rem; margin: .75rem 0 0 }
.bad { color: var(--bad) } .tag { font: 600 .75rem ui-monospace, monospace; color: var(--hue); display: inline-block; min-width: 4rem }
summary { cursor: pointer; padding: .35rem 0 } details + details { border-top: 1px solid var(--line) } [hidden] { display: none }
`
