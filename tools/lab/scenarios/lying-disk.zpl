# What such a disk forgets cannot be kept by anybody; nothing else may suffer.
about = Syncs that report success and do nothing, then a power cut
covers = D04
seconds = 12
excuse = repeats
processes
    worker = godwit lab-peer work --bind {endpoint} --dir {dir}
        audit = godwit lab-peer audit --dir {dir}
    sender = godwit lab-peer push --connect {worker} --dir {dir} --messages 5000 --rate 800
actions
    1 = lie-syncs worker for 1s
    1.9 = power-cut worker
    4 = kill sender for 200ms
