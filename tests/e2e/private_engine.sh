# shellcheck shell=bash disable=SC2016
# Functions for compose.sh: a Docker engine of our own, for machines that have none and reach no image registry.
# Wants root and a Debian mirror. Containers of this engine see each other and 127.0.0.1 of the host, nothing else.

# start_engine FOLDER: Debian trixie's dockerd, compose and buildx, unpacked into FOLDER and started from there.
# Exports DOCKER_HOST, DOCKER_CONFIG and PATH, and sets engine_pid.
start_engine() {
  local folder=$1 mirror
  mkdir -p "$folder/lists/partial" "$folder/config/cli-plugins"
  apt-get update -qq || return 1
  mirror=$(debian_mirror)
  apt-get install -y -qq --no-install-recommends iptables mmdebstrap >"$folder/apt.log" 2>&1 || return 1
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie main" >"$folder/trixie.list"
  local apart=(-qq -oDir::State::Lists="$folder/lists" -oDir::Etc::SourceList="$folder/trixie.list"
    -oDir::Etc::SourceParts=/dev/null -oAPT::Sandbox::User=root)
  # trixie's runc wants a newer libc than bookworm has; its other binaries do not.
  (cd "$folder" && apt-get "${apart[@]}" update \
    && apt-get "${apart[@]}" download {docker.io,docker-cli,containerd,tini,docker-compose,docker-buildx}/trixie \
    && apt-get -qq -oAPT::Sandbox::User=root download runc) >>"$folder/apt.log" 2>&1 || return 1
  for package in "$folder"/*.deb; do dpkg -x "$package" "$folder/unpacked" && rm "$package"; done
  cp "$folder"/unpacked/usr/libexec/docker/cli-plugins/* "$folder/config/cli-plugins/"
  export PATH=$folder/unpacked/usr/bin:$folder/unpacked/usr/sbin:$PATH
  export DOCKER_CONFIG=$folder/config DOCKER_HOST=unix://$folder/docker.sock
  # The host's firewall and routing are not ours to change.
  dockerd --iptables=false --ip6tables=false --ip-forward=false --ip-masq=false --bridge=none \
    --data-root "$folder/data" --exec-root "$folder/exec" --pidfile "$folder/pid" -H "$DOCKER_HOST" \
    >"$folder/dockerd.log" 2>&1 &
  engine_pid=$!
  for _ in $(seq 300); do
    docker info >/dev/null 2>&1 && return 0
    kill -0 "$engine_pid" 2>/dev/null || break
    sleep 0.1
  done
  tail -n 5 "$folder/dockerd.log" >&2
  return 1
}

debian_mirror() { apt-get indextargets --format '$(REPO_URI)' | grep -v security | sort -u | head -n 1; }

# A root filesystem of Debian bookworm with the packages named, as FILE: bookworm FILE PACKAGES [mmdebstrap's options]
bookworm() {
  local file=$1 packages=$2
  shift 2
  mmdebstrap --quiet --variant=minbase --include="$packages" --skip=check/empty \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' "$@" bookworm "$file" "$(debian_mirror)"
}

# stand_in_python FOLDER IMAGE: Debian's Python 3.11 where the official image has its own.
stand_in_python() {
  local folder=$1 image=$2
  bookworm "$folder/python.tar" ca-certificates,netbase,python3,python3-pip,python3-venv \
    --customize-hook='copy-in /usr/local/share/ca-certificates /usr/local/share/' \
    --customize-hook='chroot "$1" update-ca-certificates >/dev/null 2>&1' \
    --customize-hook='rm "$1"/usr/lib/python3.11/EXTERNALLY-MANAGED' \
    --customize-hook='for name in python python3; do ln -s /usr/bin/python3.11 "$1/usr/local/bin/$name"; done' \
    --customize-hook='ln -s /usr/bin/pip3 "$1/usr/local/bin/pip"' \
    --customize-hook='printf "[global]\ncert = /etc/ssl/certs/ca-certificates.crt\n" >"$1/etc/pip.conf"' || return 1
  docker import -c 'ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin' -c 'ENV LANG=C.UTF-8' \
    -c 'CMD ["python3"]' "$folder/python.tar" "$image" >/dev/null
  rm "$folder/python.tar"
}

# stand_in_services FOLDER POSTGRES HAPROXY PROMETHEUS: Debian's, under the names of the official images, and entered as
# those are: the same paths, users, variables and commands, as far as docker-compose.yml uses them.
stand_in_services() {
  local folder=$1 postgres=$2 haproxy=$3 prometheus=$4
  bookworm "$folder/services.tar" postgresql,haproxy,prometheus,wget,gosu \
    --customize-hook="copy-in $(dirname "${BASH_SOURCE[0]}")/postgres_entrypoint.sh /usr/local/bin/" \
    --customize-hook='mkdir -p "$1/prometheus" && chown 65534 "$1/prometheus"' || return 1
  local path='ENV PATH=/usr/lib/postgresql/15/bin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
  docker import -c "$path" -c 'ENV LANG=C.UTF-8' -c 'ENV PGDATA=/var/lib/postgresql/data' \
    -c 'VOLUME /var/lib/postgresql/data' \
    -c 'ENTRYPOINT ["bash", "/usr/local/bin/postgres_entrypoint.sh"]' -c 'CMD ["postgres"]' -c 'STOPSIGNAL SIGINT' \
    "$folder/services.tar" "$postgres" >/dev/null
  docker import -c "$path" -c 'USER haproxy' -c 'STOPSIGNAL SIGUSR1' \
    -c 'CMD ["haproxy", "-W", "-db", "-f", "/usr/local/etc/haproxy/haproxy.cfg"]' "$folder/services.tar" "$haproxy" >/dev/null
  docker import -c "$path" -c 'USER nobody' -c 'WORKDIR /prometheus' -c 'ENTRYPOINT ["prometheus"]' \
    "$folder/services.tar" "$prometheus" >/dev/null
  rm "$folder/services.tar"
}
