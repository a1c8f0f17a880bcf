about = Late by up to two seconds, and then suddenly not
covers = N07
seconds = 20
settle = 30
processes
    worker = godwit lab-peer work --bind {endpoint} --dir {dir}
        audit = godwit lab-peer audit --dir {dir}
    sender = godwit lab-peer push --connect {worker} --dir {dir} --messages 3000 --rate 500
actions
    1 = delay sender-worker 5ms..50ms for 2s
    3.5 = delay sender-worker 500ms..2s for 5s
    9 = delay sender-worker 1ms for 1s
