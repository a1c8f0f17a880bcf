about = Stopped for less and for more than it takes to be thought dead
covers = P04 P16
seconds = 11
processes
    worker = godwit lab-peer work --bind {endpoint} --dir {dir}
        audit = godwit lab-peer audit --dir {dir}
    sender = godwit lab-peer push --connect {worker} --dir {dir} --messages 6000 --rate 1000
actions
    1 = stop worker for 200ms
    2 = stop worker for 2s
    4.5 = stop sender for 2s
    7 = stop worker|sender for 1s
