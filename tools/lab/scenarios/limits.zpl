about = Few descriptors and little memory
covers = M02 G05 D24
seconds = 11
processes
    worker = godwit lab-peer work --bind {endpoint} --dir {dir}
        audit = godwit lab-peer audit --dir {dir}
        files = 64
    sender = godwit lab-peer push --connect {worker} --dir {dir} --messages 5000 --rate 800
        files = 64
actions
    1 = limit-files worker 24 for 1s
    3 = limit-files sender 24 for 1s
    4 = kill worker for 100ms
