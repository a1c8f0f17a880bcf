# Completion of godwit(1) for bash. Verbs and options are held to `godwit help` by a test.

_godwit()
{
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    local verb=${COMP_WORDS[1]-} words=
    COMPREPLY=()

    if [ "$COMP_CWORD" = 1 ]; then
        words="status top find dead counters send recv request serve withdraw forfeit bench sim lab
               lab-peer help version --help --version"
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
        return
    fi
    case $verb in
    help)
        words="status top find dead counters send recv request serve withdraw forfeit bench sim lab"
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
        return ;;
    status | find | counters) words="--json --help" ;;
    top) words="--interval --count --help" ;;
    dead) words="--all --json --raw --help" ;;
    withdraw | forfeit) words="--help" ;;
    send)
        words="--lines --header --count --name --connect --timeout --allow-unauthenticated
               --help" ;;
    recv)
        words="--stage --connect --bind --dir --name --count --timeout --json
               --allow-unauthenticated --help" ;;
    request)
        words="--connect --header --timeout --dir --name --allow-unauthenticated --help" ;;
    serve)
        words="--bind --connect --dir --name --threads --timeout --allow-unauthenticated --help" ;;
    bench)
        words="--size --count --durability --against --runs --members --links --inflight --window
               --timeout --points --limit --json --plot --help"
        case $COMP_CWORD,$previous in
        2,*) words="stage request fanout fanin links backlog recover large curve $words" ;;
        3,curve) words="size links backlog members window" ;;
        *,--plot)
            mapfile -t COMPREPLY < <(compgen -f -- "$current")
            return ;;
        esac
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
        return ;;
    sim)
        words="--seeds --quick --seed --trace --jobs --json --peers --messages --pattern --durability
               --faults --set --list-knobs --plain --only-faults --without-faults --handler
               --no-shrink --shrink-any --shrink-runs --shrink-seconds --keep-going --require-all
               --except --plant --help"
        if [ "$COMP_CWORD" = 2 ]; then
            mapfile -t COMPREPLY < <(compgen -W "scale $words" -- "$current")
            return
        fi
        if [ "${COMP_WORDS[2]}" = scale ]; then
            words="--peers --shape --messages --size --minutes --heartbeat --seed --curve --plot
                   --json --plant --help"
        fi ;;
    lab-peer)
        words="--dir --name --bind --connect --stage --service --durability --heartbeat --seed
               --verbose --messages --seconds --rate --size --ordered --failover --passed-on
               --batch --threads --credit --slow --nack --reject --crash --onward --break --help"
        if [ "$COMP_CWORD" = 2 ]; then
            words="push work ask serve audit --help"
            mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
            return
        fi ;;
    lab)
        words="run check list show all soak --seed --keep --report --json --quiet --smoke --minutes
               --help"
        if [ "$COMP_CWORD" = 2 ]; then
            mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
            return
        fi ;;
    esac
    case $previous in
    --dir | --keep)
        mapfile -t COMPREPLY < <(compgen -d -- "$current")
        return ;;
    --pattern)
        mapfile -t COMPREPLY < <(compgen -W "pipeline request both" -- "$current")
        return ;;
    --shape)
        words="star farm pairs mesh pipeline"
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
        return ;;
    --handler)
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
        return ;;
    --connect | --bind)
        mapfile -t COMPREPLY < <(compgen -W "tcp:// ipc://" -- "$current")
        return ;;
    esac
    if [[ $current == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
    elif [ "$verb" = lab ]; then
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
    elif [ "$verb" = dead ] && [ "$COMP_CWORD" = 2 ]; then
        mapfile -t COMPREPLY < <(compgen -W "list show requeue purge" -- "$current")
    else
        mapfile -t COMPREPLY < <(compgen -d -- "$current")
    fi
}
complete -F _godwit godwit
