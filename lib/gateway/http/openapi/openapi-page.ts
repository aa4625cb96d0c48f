import type { OpenApiDocument } from './openapi.js';

/** The document for people: one page, without scripts and without anything from elsewhere. */
export function openApiPage({ info, paths }: OpenApiDocument): string {
  const operations = Object.entries(paths).flatMap(([path, verbs]) =>
    Object.entries(verbs).map(([verb, { parameters, requestBody, responses }]) => {
      const parts = Object.entries({ parameters, requestBody, responses }).filter(([, value]) => value !== undefined);
      return `<details><summary><b>${text(verb.toUpperCase())}</b> <code>${text(path)}</code></summary>${parts.map(([name, value]) => `<h3>${name}</h3><pre>${text(JSON.stringify(value, null, 2))}</pre>`).join('')}</details>`;
    }),
  );
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${text(info.title)}</title><style>
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}summary{cursor:pointer;padding:.4rem 0}b{display:inline-block;min-width:5rem}h3{font-size:1rem;margin:.5rem 0}pre{overflow:auto;background:#8881;padding:.5rem}
@media(prefers-color-scheme:dark){body{background:#111;color:#ddd}a{color:#8cf}}</style></head><body><h1>${text(info.title)} ${text(info.version)}</h1><p><a href="openapi.json">openapi.json</a></p>${operations.join('\n')}</body></html>`;
}

function text(value: string): string {
  return value.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}
