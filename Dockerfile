# Base images. To pin them, pass names with a digest, such as
# --build-arg RUNTIME_IMAGE=gcr.io/distroless/nodejs24-debian12:latest@sha256:…, with the digest that
# `docker buildx imagetools inspect gcr.io/distroless/nodejs24-debian12:latest` prints. It covers all platforms.
ARG BUILD_IMAGE=node:24.22.3-slim
ARG RUNTIME_IMAGE=gcr.io/distroless/nodejs24-debian12:latest

# Builds on the platform of the builder, once for all platforms: nothing that it produces is native code.
FROM --platform=$BUILDPLATFORM ${BUILD_IMAGE} AS build
WORKDIR /weir
# Copy what rarely changes first, so that a change to the sources alone neither installs nor generates anything.
COPY package.json package-lock.json .npmrc buf.yaml buf.gen.yaml ./
COPY scripts scripts
COPY proto proto
RUN node scripts/setup.mjs
COPY tsconfig.json tsconfig.build.json ./
COPY src src
COPY migrations migrations
COPY docs/openapi.yaml docs/
COPY console console
# The base has no shell and no env, so scripts name Node by its path. The embedded Postgres needs a shell, too: the image
# has none, and needs DATABASE_URL.
RUN node scripts/setup.mjs --build \
 && npm prune --omit=dev --omit=optional --ignore-scripts \
 && mkdir -p image/data \
 && printf '#!/nodejs/bin/node\nimport("/weir/bin/weir.mjs");\n' > image/weir \
 && printf '#!/nodejs/bin/node\nprocess.argv.splice(2, 0, "ratelimit");\nimport("/weir/bin/weir.mjs");\n' > image/ratelimit \
 && chmod 755 image/weir image/ratelimit
COPY bin bin

FROM ${RUNTIME_IMAGE} AS runtime
ENV NODE_ENV=production
WORKDIR /weir
COPY --from=build /weir/image/weir /usr/local/bin/weir
COPY --from=build /weir/package.json ./
COPY --from=build /weir/bin bin
COPY --from=build /weir/node_modules node_modules
COPY --from=build /weir/dist dist
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Weir" \
      org.opencontainers.image.description="Rate-limit and authorization decisions for Envoy" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

# In place of the image of envoyproxy/ratelimit: `docker build --target ratelimit -t weir-ratelimit .`
FROM runtime AS ratelimit
ENV DATA_DIR=/tmp/weir
# Gateways start the container with this program, under a user of their own.
COPY --from=build /weir/image/ratelimit /bin/ratelimit
USER 65534
EXPOSE 8080 8081 6070
ENTRYPOINT []
CMD ["/bin/ratelimit"]

FROM runtime
ENV DECISION_ADDRESS=0.0.0.0:8081 \
    ADMIN_ADDRESS=0.0.0.0:8082 \
    HTTP_ADDRESS=0.0.0.0:8080 \
    DATA_DIR=/var/lib/weir
COPY --from=build --chown=1000:1000 /weir/image/data /var/lib/weir
USER 1000:1000
# Holds the snapshot of the catalog, the counters in memory over a restart, and signing-key-secret while
# SIGNING_KEY_SECRET is unset.
VOLUME /var/lib/weir
EXPOSE 8080 8081 8082
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s CMD ["/usr/local/bin/weir", "health"]
ENTRYPOINT ["/usr/local/bin/weir"]
CMD ["serve"]
