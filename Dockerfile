FROM node:24-slim AS build
WORKDIR /weir
# Copy what rarely changes first, so that a change to the sources alone neither installs nor generates anything.
COPY package.json package-lock.json .npmrc buf.yaml buf.gen.yaml ./
COPY scripts scripts
COPY proto proto
RUN node scripts/setup.mjs
COPY tsconfig.json tsconfig.build.json ./
COPY src src
COPY migrations migrations
RUN node scripts/setup.mjs --build \
 && chmod +x dist/src/main.js \
 && npm prune --omit=dev --ignore-scripts

FROM node:24-slim
ENV NODE_ENV=production \
    DECISION_ADDRESS=0.0.0.0:8081 \
    ADMIN_ADDRESS=0.0.0.0:8082 \
    HTTP_ADDRESS=0.0.0.0:8080 \
    DATA_DIR=/var/lib/weir
WORKDIR /weir
COPY --from=build /weir/package.json ./
COPY --from=build /weir/node_modules node_modules
COPY --from=build /weir/dist dist
RUN ln -s /weir/dist/src/main.js /usr/local/bin/weir \
 && install -d -o node -g node /var/lib/weir
USER node
# Used only while DATABASE_URL or SIGNING_KEY_SECRET is unset.
VOLUME /var/lib/weir
EXPOSE 8080 8081 8082
HEALTHCHECK --interval=5s --timeout=2s --start-period=30s CMD ["node", "--eval", \
  "fetch(`http://127.0.0.1:${process.env.HTTP_ADDRESS.split(':').at(-1)}/healthz`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["weir"]
CMD ["serve"]
