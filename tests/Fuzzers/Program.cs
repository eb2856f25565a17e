using System.Globalization;
using BorgStore.Tests.Fuzzing;
using BorgStore.Tests.Fuzzing.Driver;

// tests/fuzz describes the arguments.
var names = new List<string>();
var (inputs, minutes, seed, folder, keeps) = (long.MaxValue, 0.0, Environment.TickCount, "", false);
for (var i = 0; i < args.Length; i++)
{
    switch (args[i])
    {
        case "--inputs":
            inputs = long.Parse(args[++i], CultureInfo.InvariantCulture);
            break;
        case "--minutes":
            minutes = double.Parse(args[++i], CultureInfo.InvariantCulture);
            break;
        case "--seed":
            seed = int.Parse(args[++i], CultureInfo.InvariantCulture);
            break;
        case "--folder":
            folder = args[++i];
            break;
        case "--keep":
            keeps = true;
            break;
        default:
            names.Add(args[i]);
            break;
    }
}
if (names.Except(FuzzTargets.All.Keys).FirstOrDefault() is { } unknown)
{
    Console.Error.WriteLine($"There is no target '{unknown}'. The targets are {string.Join(", ", FuzzTargets.All.Keys)}.");
    return 2;
}
if (names.Count == 0) names.AddRange(FuzzTargets.All.Keys);
if (minutes == 0) minutes = inputs == long.MaxValue ? 1 : TimeSpan.FromDays(10).TotalMinutes;
var time = TimeSpan.FromMinutes(minutes / names.Count);
Coverage.Clear();
Console.WriteLine($"seed {seed}");
Console.WriteLine($"{"target",-14}{"inputs",12}{"seconds",9}{"per second",12}{"edges",14}{"kept",7}{"faults",8}");
var faults = 0;
foreach (var name in names)
{
    var target = FuzzTargets.All[name]();
    var before = Environment.CpuUsage.TotalTime;
    var fuzzer = new Fuzzer(target, FuzzTargets.ReadInputs(folder, name), seed, (input, fault) =>
    {
        InputFile.Append(Path.Combine(folder, "new", name + ".txt"), input);
        Console.WriteLine($"{name}: {InputFile.Format(input)}\n{fault}");
    });
    fuzzer.Run(inputs, time);
    if (keeps)
        foreach (var input in fuzzer.Added) InputFile.Append(Path.Combine(folder, "corpus", name + ".txt"), input);
    faults += fuzzer.Faults;
    // Of the processor, because others may use it too.
    var seconds = (Environment.CpuUsage.TotalTime - before).TotalSeconds;
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
        $"{name,-14}{fuzzer.Inputs,12}{seconds,9:0}{fuzzer.Inputs / seconds,12:0}{$"{fuzzer.EdgesOfSeeds} + {fuzzer.Edges - fuzzer.EdgesOfSeeds}",14}{fuzzer.Kept,7}{fuzzer.Faults,8}"));
    (target as IDisposable)?.Dispose();
}
return faults == 0 ? 0 : 1;
