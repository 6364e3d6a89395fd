# The server: one image, all roles (GAUGEWAY_ROLES). It manages no stores of its own.
#   docker build -f docker/server.Dockerfile -t gaugeway .
FROM node:20-bookworm-slim AS base
WORKDIR /opt/gaugeway
COPY package.json package-lock.json .npmrc ./
COPY bin/empty-gc-stats bin/empty-gc-stats

FROM base AS build
RUN npm ci --ignore-scripts
COPY bin bin
COPY src src
COPY exporter-agent exporter-agent
COPY migrations migrations
RUN node bin/build.js

FROM base AS packages
# The optional ones are Postgres's binaries, which this image does not run.
RUN npm ci --omit=dev --omit=optional --ignore-scripts

FROM node:20-bookworm-slim
# pg_dump and pg_restore of Postgres 15, for `gaugeway backup` and `gaugeway restore`.
RUN apt-get update && apt-get install --yes --no-install-recommends postgresql-client && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/gaugeway
COPY package.json ./
COPY rules rules
COPY docker/main.js docker/main.js
COPY --from=packages /opt/gaugeway/node_modules node_modules
COPY --from=build /opt/gaugeway/dist dist
RUN install -d -o node -g node -m 0700 /var/lib/gaugeway
USER node
ENV NODE_ENV=production \
    GAUGEWAY_LISTEN=0.0.0.0:8080 \
    GAUGEWAY_DATA_DIR=/var/lib/gaugeway
# The journal and the signing key. Without a volume an acknowledged sample lives as long as the container.
VOLUME /var/lib/gaugeway
EXPOSE 8080
ENTRYPOINT ["node", "docker/main.js"]
CMD ["serve"]
