# The reference environment as a container image, from the same package list as ./dev.
#   docker build -t ipfs-accelerate . && docker run --rm -it ipfs-accelerate ./dev run
FROM debian:forky
COPY env/packages.txt /tmp/packages.txt
RUN apt-get update \
 && awk '/^\[/ {group=$1; next} /^#/ || !NF {next} group=="[base]" {print $1}' /tmp/packages.txt \
    | xargs apt-get install -y --no-install-recommends \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
CMD ["./dev", "run"]
