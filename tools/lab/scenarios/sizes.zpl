about = Messages of a megabyte beside messages of ten bytes
covers = M03 L02
seconds = 15
processes
    worker = godwit lab-peer work --bind {endpoint} --dir {dir}
        audit = godwit lab-peer audit --dir {dir}
    small = godwit lab-peer push --connect {worker} --dir {dir} --messages 4000 --rate 800 --size 10
    large = godwit lab-peer push --connect {worker} --dir {dir} --messages 60 --rate 12 --size 1000000
actions
    1.5 = kill worker for 200ms
    3 = cut large-worker
    4 = kill large for 200ms
