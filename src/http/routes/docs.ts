import { z } from 'zod';
import { docsPage, docsPolicy } from '../docs-page.ts';
import { openApiOf } from '../openapi.ts';
import type { Route } from '../route.ts';
import { textAnswer } from '../schemas/foreign.ts';

const row = { method: 'GET', needs: 'public', errors: 'envelope', budget: 'none' } as const;
const documentAnswer = z.looseObject({ openapi: z.literal('3.1.0'), paths: z.looseObject({}) });

/** The OpenAPI document of all routes, these two included, and a page to read it. */
export function docsRoutes(routes: readonly Route[], version: string): Route[] {
  const own: Route[] = [
    {
      ...{ ...row, path: '/api/v1/openapi.json', summary: 'This document' },
      spec: { tag: 'Documentation', answers: { 200: documentAnswer } },
      handle: ({ res }) => void res.set('Cache-Control', 'no-cache').json(document()),
    },
    {
      ...{ ...row, path: '/docs', summary: 'The same to read' },
      spec: {
        tag: 'Documentation',
        answers: { 200: textAnswer('text/html', 'A page; it loads nothing from elsewhere.') },
      },
      handle({ res }) {
        res.set('Content-Security-Policy', docsPolicy).set('Cache-Control', 'no-cache');
        res.type('html').send(page());
      },
    },
  ];
  const document = once(() => openApiOf([...routes, ...own], version));
  const page = once(() => docsPage(document()));
  return own;
}

function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
