import type { Content, OpenApiDocument, Operation } from './document.js';
import { html, schemaText } from './schema-text.js';

const STYLE = `
:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}
body{max-width:60rem;margin:2rem auto;padding:0 1rem;background:light-dark(#fff,#15171a);color:light-dark(#1c1e21,#dfe2e6)}
a{color:light-dark(#0b57a4,#8cc4ff)}
h2{margin:2.2rem 0 .6rem;font-size:1.2rem}h3{margin:1rem 0 .3rem;font-size:.85rem;text-transform:uppercase;letter-spacing:.04em;opacity:.7}h3[id]{text-transform:none;font-size:1rem;opacity:1}
details{border:1px solid #8884;border-radius:.5rem;margin:.5rem 0;padding:0 .9rem}
summary{cursor:pointer;padding:.55rem 0}
summary b{display:inline-block;min-width:4.2rem;padding:.05rem .5rem;margin-right:.6rem;border-radius:.3rem;text-align:center;font-size:.8rem;background:#8883}
.get{background:#2b7de944}.post{background:#2e9e4f44}.put,.patch{background:#d9a30044}.delete{background:#c0392b44}
summary span{opacity:.7;margin-left:.6rem}.old code{text-decoration:line-through}
table{border-collapse:collapse;width:100%}td{padding:.25rem .6rem .25rem 0;vertical-align:top;border-top:1px solid #8883}
pre{overflow:auto;background:#8881;padding:.6rem .8rem;border-radius:.4rem}i{opacity:.65;font-style:normal}em{opacity:.75}`;

/** The document for people: one page, without scripts and without anything from elsewhere. */
export function openApiPage({ info, tags, paths, components }: OpenApiDocument): string {
  const operations = Object.entries(paths).flatMap(([path, verbs]) => Object.entries(verbs).map(([verb, operation]) => ({ path, verb, operation })));
  const parts = tags.map(({ name }) => {
    const own = operations.filter(({ operation }) => operation.tags.includes(name));
    return `<h2>${html(name)}</h2>${own.map(({ path, verb, operation }) => operationPart(verb, path, operation)).join('\n')}`;
  });
  const schemas = Object.entries(components.schemas).map(([name, schema]) => {
    const { description } = schema;
    return `<h3 id="schema-${html(name)}">${html(name)}</h3>${typeof description === 'string' ? `<p>${html(description)}</p>` : ''}<pre>${schemaText(schema)}</pre>`;
  });
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${html(info.title)}</title><style>${STYLE}</style></head>
<body><h1>${html(info.title)} ${html(info.version)}</h1><p><a href="openapi.json">openapi.json</a></p>
${parts.join('\n')}
${schemas.length > 0 ? `<h2>Schemas</h2>${schemas.join('\n')}` : ''}</body></html>`;
}

function operationPart(verb: string, path: string, { summary, description, deprecated, parameters = [], requestBody, responses }: Operation): string {
  const rows = parameters.map((parameter) => `<tr><td><code>${html(parameter.name)}</code>${parameter.required ? '' : '?'}</td><td>${parameter.in}</td><td>${schemaText(parameter.schema)}</td><td>${html(parameter.description ?? '')}</td></tr>`);
  const answers = Object.entries(responses).filter(([, { $ref }]) => $ref === undefined);
  return `<details${deprecated === true ? ' class="old"' : ''}><summary><b class="${html(verb)}">${html(verb.toUpperCase())}</b><code>${html(path)}</code>${summary === undefined ? '' : `<span>${html(summary)}</span>`}</summary>
${deprecated === true ? '<p><strong>Deprecated.</strong></p>' : ''}${description === undefined ? '' : `<p>${html(description)}</p>`}
${rows.length > 0 ? `<h3>Parameters</h3><table>${rows.join('')}</table>` : ''}
${requestBody === undefined ? '' : `<h3>Body${requestBody.required === true ? '' : ' (optional)'}</h3>${contentPart(requestBody)}`}
${answers.map(([status, answer]) => `<h3>${html(status)} ${html(answer.description ?? '')}</h3>${contentPart(answer)}`).join('')}</details>`;
}

function contentPart({ content = {} }: Content): string {
  return Object.entries(content).map(([type, { schema }]) => `<pre>${html(type)}\n${schemaText(schema)}</pre>`).join('');
}
