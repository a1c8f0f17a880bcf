about = Bits that flip on the way
covers = N19
seconds = 10
processes
    worker = godwit lab-peer work --bind {endpoint} --dir {dir}
        audit = godwit lab-peer audit --dir {dir}
    sender = godwit lab-peer push --connect {worker} --dir {dir} --messages 6000 --rate 1000
actions
    1.0 = flip sender-worker 11
    1.5 = flip sender-worker 788
    2.0 = flip sender-worker 1565
    2.5 = flip sender-worker 2342
    3.0 = flip sender-worker 3119
    3.5 = flip sender-worker 3896
    4.0 = flip sender-worker 4673
    4.5 = flip sender-worker 5450
    5.0 = flip sender-worker 6227
    5.5 = flip sender-worker 7004
