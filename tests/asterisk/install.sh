#!/usr/bin/env bash
# Unpacks a real Asterisk and SIPp into a folder of one's own: no root, nothing installed on the machine.
#
#   install.sh [SUITE...]     sid (Asterisk 22) and bullseye (Asterisk 16) when none is named
#
# They go to $SWITCHHOOK_LAB/SUITE, by default below the user's cache folder. What is there already is left
# alone; delete the folder to have it made again. An apt beside the machine's, with lists and a status of its
# own, finds the packages on the Debian mirror that the machine's apt uses (or SWITCHHOOK_LAB_MIRROR) and checks
# them against Debian's keys. Needs apt-get, dpkg-deb, flock and debian-archive-keyring.
set -euo pipefail

LAB=${SWITCHHOOK_LAB:-${XDG_CACHE_HOME:-$HOME/.cache}/switchhook-lab}
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

say() { printf '%s\n' "$*" >&2; }
die() {
    say "install.sh: $*"
    exit 1
}

# Packages that only serve modules which the lab never loads.
NOT_NEEDED=(
    'adduser' 'asterisk-config' 'base-passwd' 'ca-certificates' 'debconf.*' 'dirmngr' 'dpkg' 'freetds.*' 'gnupg.*'
    'gpg.*' 'gpgv' 'krb5-locales' 'login.*' 'media-types' 'mysql.*' 'odbcinst.*' 'openssl' 'openssl-provider.*'
    'passwd' 'perl.*' 'pinentry.*' 'publicsuffix' 'readline-.*' 'shared-mime.*' 'tar' 'tzdata.*' 'unixodbc.*'
    'libacl.*' 'libargon2.*' 'libasound.*' 'libassuan.*' 'libattr.*' 'libaudit.*' 'libblkid.*' 'libbz2.*'
    'libc-gconv.*' 'libcap-ng.*' 'libcodec2.*' 'libct4' 'libdb-.*' 'libdb5.*' 'libdeflate.*' 'libdw.*' 'libelf.*'
    'libevent.*' 'libffi.*' 'libgcrypt.*' 'libgdbm.*' 'libglib2.*' 'libgmime.*' 'libgmp.*' 'libgnutls.*' 'libgpg.*'
    'libhogweed.*' 'libical.*' 'libicu.*' 'libiksemel.*' 'libjack.*' 'libjbig.*' 'libjpeg.*' 'libjwt.*' 'libksba.*'
    'libldap-common' 'liblerc.*' 'libltdl.*' 'liblua.*' 'liblzma.*' 'libmariadb.*' 'libmount.*' 'libneon.*'
    'libnettle.*' 'libnpth.*' 'libnss-.*' 'libodbc.*' 'libogg.*' 'libopencore.*' 'libopus.*' 'libp11.*' 'libpam.*'
    'libpcre.*' 'libperl.*' 'libportaudio.*' 'libpq5' 'libradcli.*' 'libreadline.*' 'libresample.*'
    'libsamplerate.*' 'libsasl2-modules.*' 'libselinux.*' 'libsemanage.*' 'libsepol.*' 'libsharpyuv.*' 'libsnmp.*'
    'libspandsp.*' 'libspeex.*' 'libsybdb.*' 'libtalloc.*' 'libtasn1.*' 'libtiff.*' 'libunbound.*'
    'libvo-amrwbenc.*' 'libvorbis.*' 'libwebp.*'
)
# Of those, what older programs are linked with.
declare -A KEPT=(
    [bullseye]='libffi7 libgcrypt20 libgmp10 libgnutls30 libgpg-error0 libhogweed6 libicu67 liblzma5 libnettle8
        libp11-kit0 libtasn1-6'
)
# Modules whose libraries must be there; otherwise too much was left out, and all packages are taken.
NEEDED=(
    app_dial app_directed_pickup app_mixmonitor app_queue app_stasis bridge_simple cdr_manager chan_pjsip
    codec_alaw codec_ulaw format_wav func_curl pbx_config res_ari res_ari_bridges res_ari_channels
    res_ari_events res_curl res_http_websocket res_pjsip res_pjsip_sdp_rtp res_pjsip_session
    res_rtp_asterisk res_stasis_recording res_websocket_client
)

mirror() {
    local codename
    codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    env -u APT_CONFIG apt-get update --print-uris 2>/dev/null |
        sed -nE "s#^'([^']*)/dists/$codename/(InRelease|Release).*#\1#p" | head -n 1
}

set_up_apt() { # SUITE: apt's own lists, status and cache below $apt
    local from=${SWITCHHOOK_LAB_MIRROR:-}
    [ -n "$from" ] || from=$(mirror)
    [ -n "$from" ] || die "this machine's apt names no mirror of its own release; set SWITCHHOOK_LAB_MIRROR"
    mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/debs"
    : >"$apt/status"
    echo "deb [signed-by=$KEYRING] $from $1 main" >"$apt/sources.list"
    cat >"$apt/apt.conf" <<CONF
Dir::Etc::sourcelist "$apt/sources.list"; Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null"; Dir::Etc::preferencesparts "/dev/null";
Dir::State "$apt"; Dir::State::lists "$apt/lists"; Dir::State::status "$apt/status";
Dir::Cache "$apt/cache"; Dir::Log "$apt";
Acquire::Languages "none"; Acquire::Check-Valid-Until "false"; Acquire::Retries "3";
APT::Sandbox::User ""; APT::Install-Recommends "0"; Debug::NoLocking "1";
CONF
    export APT_CONFIG=$apt/apt.conf
    apt-get update -qq >"$apt/log" 2>&1 || die "apt-get update failed for $1: $(tail -n 5 "$apt/log")"
    apt-cache show asterisk >/dev/null 2>&1 || die "$1 has no asterisk on this machine's mirror"
}

fetch() { # SUITE lean|whole
    apt-get install --print-uris -qq asterisk sip-tester 2>"$apt/log" |
        sed -nE "s#^'[^']*' ([^_ ]+)_.*#\1#p" | sort -u >"$apt/closure" || die "$(tail -n 5 "$apt/log")"
    [ -s "$apt/closure" ] || die "apt found no packages for asterisk and sip-tester: $(tail -n 5 "$apt/log")"
    if [ "$2" = lean ]; then
        printf '%s\n' "${NOT_NEEDED[@]}" >"$apt/not-needed"
        grep -vxE -f "$apt/not-needed" "$apt/closure" >"$apt/wanted"
        printf '%s\n' ${KEPT[$1]:-} | grep -xF -f - "$apt/closure" >>"$apt/wanted" || true
    else
        cp "$apt/closure" "$apt/wanted"
    fi
    (cd "$apt/debs" && xargs apt-get download -qq <"$apt/wanted" >"$apt/log" 2>&1) ||
        die "download failed: $(tail -n 5 "$apt/log")"
}

unpack() { # the packages into $new
    local package
    rm -rf "$new"
    mkdir -p "$new"
    for package in "$apt"/debs/*.deb; do dpkg-deb -x "$package" "$new"; done
    rm -rf "$new"/usr/share/{doc,man,info,locale,lintian,bug,perl5,perl} "$new"/etc/init.d
    [ -d "$new/usr/share/asterisk/sounds/en" ] || ln -sfn en_US_f_Allison "$new/usr/share/asterisk/sounds/en"
    # Each program runs through its own dynamic loader, so that the machine's libraries play no part.
    loader=$(first 'usr/lib/*/ld-linux-*.so.*' 'lib/*/ld-linux-*.so.*' 'lib64/ld-linux-*.so.*')
    modules=$(first 'usr/lib/*/asterisk/modules' usr/lib/asterisk/modules)
    libraries=$(folders 'usr/lib/*-linux-*' 'lib/*-linux-*' usr/lib lib)
    [ -n "$loader" ] && [ -n "$modules" ] || die "the packages hold no loader or no modules of Asterisk"
}

first() { # PATTERN...: the first that is there, below $new; nothing when none is
    local pattern found
    for pattern; do
        mapfile -t found < <(cd "$new" && compgen -G "$pattern")
        [ ${#found[@]} -eq 0 ] || { echo "${found[0]}"; return; }
    done
}

folders() { # PATTERN...: all that are there, below $new, apart by colons
    local pattern found=()
    for pattern; do mapfile -t -O ${#found[@]} found < <(cd "$new" && compgen -G "$pattern"); done
    (IFS=:; echo "${found[*]}")
}

resolves() { # FILE: whether all its libraries are there
    local told
    told=$("$new/$loader" --library-path "$(absolute)" --list "$1" 2>&1) && [[ $told != *'not found'* ]]
}

absolute() { # the folders of libraries, as the loader takes them
    printf '%s' "$new/${libraries//:/:$new/}"
}

is_whole() {
    local name
    resolves "$new/usr/sbin/asterisk" && resolves "$new/usr/bin/sipp" || return 1
    for name in "${NEEDED[@]}"; do
        # Asterisk 16 lacks some.
        [ ! -e "$new/$modules/$name.so" ] || resolves "$new/$modules/$name.so" || return 1
    done
}

install() { # SUITE
    local home=$LAB/$1 apt=$LAB/$1.apt new=$LAB/$1.new loader modules libraries version began=$SECONDS file
    mkdir -p "$LAB"
    exec 9>"$LAB/$1.lock"
    flock 9
    [ ! -f "$home/layout" ] || { say "there already: $(sed -n 's/^version=//p' "$home/layout")"; return; }
    rm -rf "$home" "$apt" "$new"
    say "unpacking Asterisk of $1 into $home"
    set_up_apt "$1"
    fetch "$1" lean
    unpack
    if ! is_whole; then
        say "libraries are missing, so all packages are taken"
        fetch "$1" whole
        unpack
        is_whole || die "libraries of $1 are missing even with all packages"
    fi
    for file in "$new/$modules"/*.so; do resolves "$file" || basename "$file"; done >"$new/noload"
    version=$(OPENSSL_CONF=/dev/null "$new/$loader" --library-path "$(absolute)" "$new/usr/sbin/asterisk" -V)
    printf '%s\n' "loader=$loader" "libraries=$libraries" "modules=$modules" "version=$version" >"$new/layout"
    say "$version: $(wc -l <"$apt/wanted") packages, $(du -cm "$apt"/debs/*.deb | tail -n 1 | cut -f 1) MB fetched," \
        "$(du -sm "$new" | cut -f 1) MB unpacked, $((SECONDS - began)) s"
    mv "$new" "$home"
    rm -rf "$apt"
    unset APT_CONFIG
    flock -u 9
}

for program in apt-get apt-cache dpkg-deb flock; do
    command -v "$program" >/dev/null || die "$program is missing: this needs Debian"
done
[ -r "$KEYRING" ] || die "Debian's keys are missing: apt install debian-archive-keyring"

[ $# -gt 0 ] || set -- sid bullseye
for suite; do install "$suite"; done
