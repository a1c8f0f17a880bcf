about = Wall clocks that jump by years, and back by a millisecond
covers = T01 T02
seconds = 11
processes
    worker = godwit lab-peer work --bind {endpoint} --dir {dir}
        audit = godwit lab-peer audit --dir {dir}
    sender = godwit lab-peer push --connect {worker} --dir {dir} --messages 6000 --rate 800
actions
    1 = clock worker +10y for 1s
    2.5 = clock sender -10y for 1s
    4..6/0.1 = clock sender -1ms for 50ms
    5 = kill sender for 200ms
