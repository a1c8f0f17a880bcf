# What it had accepted since is lost with the disk that had it; what it sends now is new.
about = A sender gets yesterday's disk back
covers = Y01 D21
seconds = 11
excuse = repeats
processes
    worker = godwit lab-peer work --bind {endpoint} --dir {dir}
        audit = godwit lab-peer audit --dir {dir}
    sender = godwit lab-peer push --connect {worker} --dir {dir} --messages 5000 --rate 800
actions
    1.5 = save sender
    3 = restore sender
