about = A handler that is slow, and a producer that is not
covers = P07 M04
seconds = 15
processes
    worker = godwit lab-peer work --bind {endpoint} --dir {dir} --slow 2 --credit 50
        audit = godwit lab-peer audit --dir {dir}
    sender = godwit lab-peer push --connect {worker} --dir {dir} --messages 3000 --rate 0
actions
    2 = stop worker for 1s
    4 = kill sender for 200ms
