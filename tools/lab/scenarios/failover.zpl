# In this mode two workers may run one message; nothing may be lost.
about = A worker is gone for long, and another takes over
seconds = 13
excuse = repeats
processes
    one = godwit lab-peer work --bind {endpoint} --dir {dir}
        audit = godwit lab-peer audit --dir {dir}
    two = godwit lab-peer work --bind {endpoint} --dir {dir}
        audit = godwit lab-peer audit --dir {dir}
    sender = godwit lab-peer push --connect {one} --connect {two} --dir {dir} --messages 8000 --rate 1000 --failover 500
actions
    1 = stop one for 2s
    4 = kill two for 2s
    7 = drop sender-one for 2s
