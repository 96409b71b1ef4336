# A peer in a container: one volume, one port.
#   docker build -t holdfast . && docker run -d -v holdfast:/data -p 4470:4470 holdfast
# The image's Node is the one that package.json pins, so the packaged one is left out.
FROM node:26.10.0-slim AS build
WORKDIR /src
COPY package.json package-lock.json ./
COPY scripts ./scripts
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY assembly ./assembly
COPY src ./src
RUN npm run build \
  && npm prune --omit=dev --ignore-scripts --no-audit --no-fund \
  && rm -rf node_modules/node-linux-* node_modules/.bin

FROM node:26.10.0-slim
WORKDIR /opt/holdfast
COPY --from=build /src/node_modules ./node_modules
COPY --from=build /src/build/kernels ./build/kernels
COPY --from=build /src/dist ./dist
COPY package.json LICENSE ./
COPY bin ./bin
RUN ln -s /opt/holdfast/bin/holdfast /usr/local/bin/holdfast \
  && install -d -o node -g node -m 0700 /data
USER node
ENV HOLDFAST_HOME=/data
VOLUME /data
EXPOSE 4470
CMD ["holdfast", "up", "--foreground", "--port", "4470"]
