using BorgStore.Benchmarks.Measuring;
using BorgStore.Benchmarks.Measuring.Comparison;
using BorgStore.Benchmarks.Measuring.Model;
using BorgStore.Benchmarks.Measuring.Reports;
using BorgStore.Benchmarks.Measuring.Subjects;

// bench/run and bench/compare. The commands "stream" and "http" are subjects of their own.
try
{
    switch (args)
    {
        case ["stream"]:
            await TcpStream.RunAsync();
            return 0;
        case ["http", var url]:
            await BareHttpClient.RunAsync(url);
            return 0;
        case ["compare", var before, var after]:
            return Comparer.Compare(Results.Read(before), Results.Read(after), Console.Out);
        case ["compare", ..]:
            Console.Error.WriteLine("usage: bench/compare BEFORE.json AFTER.json");
            return 2;
        case ["run", "--help", ..]:
            Console.WriteLine(RunOptions.Usage);
            return 0;
        case ["run", .. var rest]:
            await RunAsync(RunOptions.Parse(rest));
            return 0;
        default:
            Console.Error.WriteLine("usage: see bench/run --help");
            return 2;
    }
}
catch (Exception e) when (e is ArgumentException or FormatException or FileNotFoundException)
{
    Console.Error.WriteLine(e.Message);
    return 2;
}

static async Task RunAsync(RunOptions options)
{
    Results results;
    if (options.From is { } file)
    {
        results = Results.Read(file);
    }
    else
    {
        // A quick run and a whole one are not mixed.
        var earlier = File.Exists(options.Output) ? Results.Read(options.Output) : null;
        if (earlier?.IsQuick != options.IsQuick) earlier = null;
        results = Complete(await new Runner(options, measured => Complete(measured).Write(options.Output)).RunAsync());

        Results Complete(Results measured) => earlier is null ? measured : measured.CompletedBy(earlier);
    }
    Console.WriteLine(Table.Write(results));
    Console.WriteLine(Page.Aims(results));
    if (options.From is null) Console.WriteLine($"All samples are in {options.Output}.");
    if (!options.Documents) return;
    Page.Write(results);
    Console.WriteLine($"{Page.Path} and its plots are written.");
}
