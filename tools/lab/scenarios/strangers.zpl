about = Strangers send random bytes to the worker's port, again and again
covers = H01
seconds = 9
processes
    worker = godwit lab-peer work --bind {endpoint} --dir {dir}
        audit = godwit lab-peer audit --dir {dir}
    sender = godwit lab-peer push --connect {worker} --dir {dir} --messages 5000 --rate 800
    stranger = bash -c 'p=$(echo $0 | cut -d: -f3); while sleep 0.02; do (exec 3<>/dev/tcp/127.0.0.1/$p && head -c 3000 /dev/urandom >&3) 2>/dev/null; done' {direct:worker}
actions
    2 = kill worker for 200ms
    4 = cut sender-worker
    6 = kill stranger
