# The agent, for hosts that run everything in containers. It reads the host's /proc, /sys and / through one mount.
#   docker build -f docker/agent.Dockerfile -t gaugeway-agent .
FROM node:20-bookworm-slim AS build
WORKDIR /opt/gaugeway
COPY package.json package-lock.json .npmrc ./
COPY bin/empty-gc-stats bin/empty-gc-stats
RUN npm ci --ignore-scripts
COPY src/catalog src/catalog
COPY exporter-agent exporter-agent
RUN node exporter-agent/build.js

FROM node:20-bookworm-slim
COPY --from=build /opt/gaugeway/dist/gaugeway-agent.js /opt/gaugeway-agent.mjs
RUN install -d -o node -g node -m 0700 /var/lib/gaugeway-agent
USER node
ENV GAUGEWAY_AGENT_PROCFS=/host/proc \
    GAUGEWAY_AGENT_SYSFS=/host/sys \
    GAUGEWAY_AGENT_ROOTFS=/host
# The buffer and the host's id.
VOLUME /var/lib/gaugeway-agent
# The flags of its memory budget.
ENTRYPOINT ["node", "--jitless", "--max-semi-space-size=1", "--no-node-snapshot", "/opt/gaugeway-agent.mjs"]
CMD ["run"]
