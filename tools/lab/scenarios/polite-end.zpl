about = Ended politely with work in flight, and started again
covers = P05
seconds = 9
processes
    worker = godwit lab-peer work --bind {endpoint} --dir {dir} --slow 1
        audit = godwit lab-peer audit --dir {dir}
    sender = godwit lab-peer push --connect {worker} --dir {dir} --messages 6000 --rate 1000
actions
    1..5/1 = term worker for 300ms
    1.5..5.5/1 = term sender for 300ms
