# What it had processed since may run again: no peer can know better. Nothing is lost.
about = A worker gets yesterday's disk back
covers = Y02 D21
seconds = 11
excuse = repeats
processes
    worker = godwit lab-peer work --bind {endpoint} --dir {dir}
        audit = godwit lab-peer audit --dir {dir}
    sender = godwit lab-peer push --connect {worker} --dir {dir} --messages 5000 --rate 800
actions
    1.5 = save worker
    3 = restore worker
