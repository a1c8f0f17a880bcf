about = Links that clog one after the other and open in another order
covers = N10
seconds = 14
processes
    one = godwit lab-peer work --bind {endpoint} --dir {dir}
        audit = godwit lab-peer audit --dir {dir}
    two = godwit lab-peer work --bind {endpoint} --dir {dir}
        audit = godwit lab-peer audit --dir {dir}
    left = godwit lab-peer push --connect {one} --connect {two} --dir {dir} --messages 4000 --rate 600
    right = godwit lab-peer push --connect {one} --connect {two} --dir {dir} --messages 4000 --rate 600
actions
    1.0 = hold left-one for 3s
    1.2 = hold right-two for 1s
    1.4 = hold left-two for 2s
    1.6 = hold right-one for 500ms
    5.0 = hold right-one for 1s
    5.1 = hold left-one for 400ms
